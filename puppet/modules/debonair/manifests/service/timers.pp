# @summary Sets up the timers of a service: systemd runs commands of the service as its user.
#
# Timers that this define has made before and that are not in `timers` are removed.
#
# @param timers the timers by name
# @param active whether the timers run
# @param sandbox directives for the units of the commands
# @api private
define debonair::service::timers (
  Hash[String, Debonair::Timer] $timers,
  Boolean $active,
  Debonair::Sandbox $sandbox,
) {
  $state = $active ? {
    true    => 'running',
    default => 'stopped',
  }
  $header = "# Puppet (debonair::service ${title}) writes this file."
  $wanted = $timers.filter |$name, $timer| { $timer['ensure'] != 'absent' }

  $wanted.each |$name, $timer| {
    $unit = "${title}-${name}"
    $service = "/etc/systemd/system/${unit}.service"
    $calendar = "/etc/systemd/system/${unit}.timer"

    file { $service:
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('debonair/timer.service.epp', {
          'header'  => $header,
          'svc'     => $title,
          'name'    => $name,
          'command' => $timer['command'],
          'sandbox' => debonair::directives($sandbox),
      }),
    }

    # systemd would load a timer that it cannot understand, and never start it.
    file { $calendar:
      ensure       => file,
      owner        => 'root',
      group        => 'root',
      mode         => '0644',
      content      => epp('debonair/timer.timer.epp', {
          'header'           => $header,
          'svc'              => $title,
          'name'             => $name,
          'on_calendar'      => $timer['on_calendar'],
          'randomized_delay' => pick($timer['randomized_delay'], '0'),
      }),
      validate_cmd => @("VALIDATE"/L$),
        systemd-analyze calendar "\$(sed -n s/^OnCalendar=//p %)" > /dev/null && \
        systemd-analyze timespan "\$(sed -n s/^RandomizedDelaySec=//p %)" > /dev/null
        |- VALIDATE
    }

    File[$service, $calendar]
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

  # The header of a unit file tells whose it is: another service may be called like a timer of this one.
  $known = $wanted.keys.map |$name| { "-e ${title}-${name}" }.join(' ')
  $surplus = @("SURPLUS"/L$)
    cd /etc/systemd/system && grep -lsxF '${header}' ${title}-*.timer ${title}-*.service | \
    sed 's/\.[a-z]*\$//' | sort -u | grep -vxF -e '' ${known}
    |- SURPLUS
  exec { "debonair ${title}: remove timers that are not in Hiera":
    command  => @("COMMAND"/L$),
      for unit in \$(${surplus}); do \
      systemctl disable --now "\$unit.timer"; systemctl stop "\$unit.service"; \
      rm -f /etc/systemd/system/"\$unit".timer /etc/systemd/system/"\$unit".service; \
      done; systemctl daemon-reload
      |- COMMAND
    onlyif   => $surplus,
    provider => shell,
    path     => ['/usr/bin', '/bin'],
  }
}
