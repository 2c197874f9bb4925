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
    exec { "debonair ${title}: db upgrade":
      command => "runuser -u ${title} -- ${command} db upgrade",
      unless  => "runuser -u ${title} -- ${command} db check",
      timeout => 3600,
      before  => Service["${title}.socket"],
    }
  }

  if $ensure == 'running' {
    # The running process is stopped only after a check that the new one starts with this version,
    # configuration and database. The same step starts a service that does not run.
    $unless = $on_config ? {
      'restart' => epp('debonair/is_current.sh.epp', $values),
      default   => "systemctl is-active --quiet ${title}.service",
    }
    exec { "debonair ${title}: restart":
      command => epp('debonair/restart.sh.epp', $values),
      unless  => $unless,
    }

    -> exec { "debonair ${title}: health":
      command   => "${command} health",
      unless    => "${command} health",
      tries     => $health_tries,
      try_sleep => 1,
      before    => Service["${title}.service"],
    }
    if $migrate {
      Exec["debonair ${title}: db upgrade"] -> Exec["debonair ${title}: restart"]
    }
  }

  # The step above starts the service. These resources enable it at boot, or stop it.
  service { ["${title}.socket", "${title}.service"]:
    ensure => $ensure,
    enable => $ensure == 'running',
  }
}
