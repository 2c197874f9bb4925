# @summary Migrates, restarts and checks a service, each only if the state of the host requires it.
#
# @param ensure whether the service runs
# @param migrate whether to migrate the database to the newest revision
# @param on_config whether to restart a process that runs with an older version, configuration or unit
# @param health_tries how many times to check the health, one second apart
# @api private
define debonair::service::run (
  Enum['running', 'stopped'] $ensure,
  Boolean $migrate,
  Enum['restart', 'nothing'] $on_config,
  Integer[1] $health_tries,
) {
  $command = "/usr/bin/${title}"
  # Runs a command of the service in a transient unit with all settings of its unit: user, environment,
  # credentials, sandbox. The package installs it.
  $in_unit = "/usr/lib/${title}/in-unit"
  $values = {
    'svc'    => $title,
    'dropin' => "/etc/systemd/system/${title}",
  }

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

  # The step above starts the service. These resources enable it at boot, or stop it.
  service { ["${title}.socket", "${title}.service"]:
    ensure => $ensure,
    enable => $ensure == 'running',
  }
}
