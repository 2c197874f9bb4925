# @summary Migrates, restarts and checks a service and its worker, each only if the state of the host requires it.
#
# @param ensure whether the service runs
# @param migrate whether to migrate the database to the newest revision
# @param on_config whether to restart a process that runs with an older version, configuration or unit
# @param health_tries how many times to check the health, one second apart
# @param worker whether the worker runs, if the package has one
# @api private
define debonair::service::run (
  Enum['running', 'stopped'] $ensure,
  Boolean $migrate,
  Enum['restart', 'nothing'] $on_config,
  Integer[1] $health_tries,
  Boolean $worker,
) {
  $command = "/usr/bin/${title}"
  # Runs a command of the service in a transient unit with all settings of its unit: user, environment,
  # credentials, sandbox. The package installs it.
  $in_unit = "/usr/lib/${title}/in-unit"
  $values = {
    'svc'    => $title,
    'dropin' => "/etc/systemd/system/${title}",
  }
  # The package of a service without jobs has no worker. With --noop it may not be installed.
  $has_worker = "grep -qsF '\"${title}-worker.service\"' /usr/share/${title}/facts.json"

  Exec {
    cwd         => '/',
    environment => ["HOME=/var/lib/${title}", 'LANG=C.UTF-8'],
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    provider    => shell,
    umask       => '0027',
  }

  if $migrate {
    # 0: the database has every migration. 3: another version has migrated it, and no upgrade can help; the
    # check before the restart shows whether this version works with it.
    exec { "debonair ${title}: db upgrade":
      command => "${in_unit} db upgrade",
      unless  => "${in_unit} db check; case $? in 0 | 3) ;; *) false ;; esac",
      timeout => 3600,
      before  => Service["${title}.socket"],
    }
  }

  if $ensure == 'running' {
    $unless = $on_config ? {
      'restart' => epp('debonair/is_current.sh.epp', $values),
      default   => "systemctl is-active --quiet ${title}.service",
    }

    # The running process is stopped only after a check that the new one starts with this version, unit,
    # configuration and database. The check prints its warnings and why it fails.
    exec { "debonair ${title}: check":
      command   => "${in_unit} serve --check >/dev/null",
      unless    => $unless,
      logoutput => true,
    }

    # The same step starts a service that does not run.
    -> exec { "debonair ${title}: restart":
      command => epp('debonair/restart.sh.epp', $values),
      unless  => $unless,
    }

    -> exec { "debonair ${title}: health":
      command   => "${command} health",
      # With --noop the package may not be installed.
      unless    => "test -x ${command} && ${command} health",
      tries     => $health_tries,
      try_sleep => 1,
      before    => Service["${title}.service"],
    }
    if $migrate {
      Exec["debonair ${title}: db upgrade"] -> Exec["debonair ${title}: check"]
    }
  }

  if $ensure == 'running' and $worker {
    $unless_worker = $on_config ? {
      'restart' => epp('debonair/worker_is_current.sh.epp', $values),
      default   => "systemctl is-active --quiet ${title}-worker.service",
    }

    # Its unit can have faults of its own: they are found before anything is stopped.
    exec { "debonair ${title}: check the worker":
      command   => "${in_unit} --role worker worker --check >/dev/null",
      onlyif    => $has_worker,
      unless    => $unless_worker,
      logoutput => true,
      require   => Exec["debonair ${title}: check"],
      before    => Exec["debonair ${title}: restart"],
    }

    # Right after the service, whose new version may enqueue jobs that the old worker does not know. The old
    # worker finishes its jobs first, for [jobs] stop_timeout, which is 1h at most.
    exec { "debonair ${title}: restart the worker":
      command => "systemctl daemon-reload && systemctl restart ${title}-worker.service",
      onlyif  => $has_worker,
      unless  => $unless_worker,
      timeout => 3900,
      require => Exec["debonair ${title}: restart"],
      before  => Exec["debonair ${title}: health"],
    }

    exec { "debonair ${title}: health of the worker":
      command   => "${command} health --role worker",
      onlyif    => $has_worker,
      unless    => "test -x ${command} && ${command} health --role worker",
      tries     => $health_tries,
      try_sleep => 1,
      require   => Exec["debonair ${title}: health"],
    }

    # No resource of the type service: it would fail where the package has no such unit.
    -> exec { "debonair ${title}: enable the worker":
      command => "systemctl enable ${title}-worker.service",
      onlyif  => $has_worker,
      unless  => "systemctl is-enabled --quiet ${title}-worker.service",
    }
  } else {
    # The worker finishes its jobs before the service is stopped.
    service { "${title}-worker.service":
      ensure => stopped,
      enable => false,
      before => Service["${title}.service"],
    }
  }

  # The step above starts the service. These resources enable it at boot, or stop it.
  service { ["${title}.socket", "${title}.service"]:
    ensure => $ensure,
    enable => $ensure == 'running',
  }
}
