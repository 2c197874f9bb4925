# @summary Removes a service.
#
# @param purge_data whether to remove its data as well
# @api private
define debonair::service::absent (
  Boolean $purge_data,
) {
  $units = ["${title}.socket", "${title}.service", "${title}-worker.service"]
  $directories = $units.map |$unit| { "/etc/systemd/system/${unit}.d" }
  $names = $units.join(' ')

  debonair::service::timers { $title:
    timers  => {},
    active  => false,
    sandbox => {},
  }

  debonair::service::pin { $title:
    version => 'present',
  }

  # The package's maintainer scripts stop the service.
  package { $title:
    ensure  => purged,
    require => Debonair::Service::Timers[$title],
  }

  -> file { ["/etc/${title}"] + $directories:
    ensure => absent,
    force  => true,
    backup => false,
  }

  # systemd still has the units in memory after their files are removed.
  -> exec { "debonair ${title}: forget the units":
    command  => "systemctl daemon-reload; systemctl reset-failed ${names} || true",
    onlyif   => "systemctl show -p NeedDaemonReload ${names} | grep -q =yes",
    provider => shell,
    path     => ['/usr/bin', '/bin'],
  }

  if $purge_data {
    file { ["/var/lib/${title}", "/var/log/${title}", "/run/${title}"]:
      ensure  => absent,
      force   => true,
      backup  => false,
      require => Package[$title],
    }
  }
}
