# @summary Sets up the timers of a service: systemd runs commands of the service as its user.
#
# @param timers the timers by name
# @param active whether the timers run
# @api private
define debonair::service::timers (
  Hash[String, Debonair::Timer] $timers,
  Boolean $active,
) {
  $state = $active ? {
    true    => 'running',
    default => 'stopped',
  }
  $timers.each |$name, $timer| {
    $unit = "${title}-${name}"
    $paths = ["/etc/systemd/system/${unit}.service", "/etc/systemd/system/${unit}.timer"]

    if $timer['ensure'] == 'absent' {
      service { "${unit}.timer":
        ensure => stopped,
        enable => false,
      }
      -> file { $paths:
        ensure => absent,
      }
    } else {
      $values = { 'svc' => $title, 'name' => $name, 'timer' => $timer }
      $texts = [epp('debonair/timer.service.epp', $values), epp('debonair/timer.timer.epp', $values)]
      $paths.each |$index, $path| {
        file { $path:
          ensure  => file,
          owner   => 'root',
          group   => 'root',
          mode    => '0644',
          content => $texts[$index],
        }
      }

      File[$paths]
      -> exec { "debonair ${unit}: systemctl daemon-reload":
        command  => 'systemctl daemon-reload',
        onlyif   => "systemctl show -p NeedDaemonReload ${unit}.service ${unit}.timer | grep -q =yes",
        provider => shell,
        path     => ['/usr/bin', '/bin'],
      }
      -> service { "${unit}.timer":
        ensure => $state,
        enable => $active,
      }
    }
  }
}
