# @summary Timers of a service: its own commands, run by systemd as its user.
#
# @param timers the timers by name
# @param active whether they are to run
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
    $present = $timer['ensure'] != 'absent'
    $kept = $present ? {
      true    => file,
      default => absent,
    }
    $values = { 'svc' => $title, 'name' => $name, 'timer' => $timer }

    file { "/etc/systemd/system/${unit}.service":
      ensure  => $kept,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('debonair/timer.service.epp', $values),
    }
    file { "/etc/systemd/system/${unit}.timer":
      ensure  => $kept,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('debonair/timer.timer.epp', $values),
    }

    $files = File["/etc/systemd/system/${unit}.service", "/etc/systemd/system/${unit}.timer"]
    if $present {
      $files
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
    } else {
      service { "${unit}.timer":
        ensure => stopped,
        enable => false,
        before => $files,
      }
    }
  }
}
