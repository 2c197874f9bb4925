# @summary Removes a service.
#
# @param timers the timers of the service, which are removed
# @param purge_data whether to remove its data as well
# @api private
define debonair::service::absent (
  Hash[String, Debonair::Timer] $timers,
  Boolean $purge_data,
) {
  $units = $timers.keys.map |$name| { "${title}-${name}" }
  $system = '/etc/systemd/system'

  $units.each |$unit| {
    service { "${unit}.timer":
      ensure => stopped,
      enable => false,
      before => File["${system}/${unit}.timer", "${system}/${unit}.service"],
    }
    file { ["${system}/${unit}.timer", "${system}/${unit}.service"]:
      ensure => absent,
      before => Package[$title],
    }
  }

  # The package's maintainer scripts stop the service.
  package { $title:
    ensure => purged,
  }

  -> file { ["/etc/${title}", "${system}/${title}.socket.d", "${system}/${title}.service.d"]:
    ensure => absent,
    force  => true,
    backup => false,
  }

  # systemd still has the units in memory after their files are removed.
  -> exec { "debonair ${title}: forget the units":
    command  => "systemctl daemon-reload; systemctl reset-failed '${title}*' || true",
    onlyif   => "systemctl show -p NeedDaemonReload ${title}.service ${title}.socket | grep -q =yes",
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
