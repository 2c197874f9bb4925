# @summary Migrates, restarts and checks a service; each only when the state of the host asks for it.
#
# @param ensure whether the service runs
# @param migrate whether to bring the database to the newest revision
# @param on_config whether to restart what runs with another version, configuration or unit
# @param health_tries how often to ask for health
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
    # A service that runs is replaced by one that was seen to start with this version, configuration
    # and database; one that does not run is started by the same step.
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

  # What runs is the step above's; this is what starts at boot, and what is to be stopped.
  service { ["${title}.socket", "${title}.service"]:
    ensure => $ensure,
    enable => $ensure == 'running',
  }
}
