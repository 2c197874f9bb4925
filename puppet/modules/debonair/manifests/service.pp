# @summary Installs, configures and runs one Debonair service, or removes it.
#
# The steps, in this order: drop-ins of the units, package, configuration (which the service checks before
# Puppet replaces the old file), migration of the database, a check that the new processes start, restart of
# the service and then of its worker, health of both. Each step looks at the state of the host and not at what this run has changed. So the next run
# continues where a run has failed. When a step fails, the run fails, and the old process keeps running.
#
# @example
#   debonair::service { 'orders':
#     version => '1.4.2',
#     port    => 5001,
#     config  => { 'orders' => { 'page_size' => 100 } },
#     secrets => Sensitive({ 'orders' => { 'api_token' => 'pa$word' } }),
#     nginx   => { 'server_name' => ['orders.example.org'] },
#     timers  => { 'tidy' => { 'command' => ['tidy', '--all'], 'on_calendar' => 'daily' } },
#     sandbox => { 'MemoryMax' => '512M' },
#     worker  => { 'MemoryMax' => '2G' },
#   }
#
# @param ensure
#   `absent` removes the package, configuration, logs, drop-ins, timers and nginx site. The data stay,
#   unless `purge_data` is true. The user always stays.
# @param version
#   The version of the package. A version older than the installed one is a downgrade. A version number is
#   also a pin for apt, so that `apt upgrade` keeps it.
# @param config
#   The settings. Puppet writes the whole of `/etc/<svc>/config.ini`; other changes to that file are lost.
# @param secrets
#   Secret settings. They win over `config`, and appear in no report and no log.
# @param port
#   The port on 127.0.0.1. A service that is present needs `port` or `socket`.
# @param socket
#   The Unix socket to listen on in place of a port. The service's user and www-data may connect.
# @param nginx
#   Whether nginx passes requests to the service, and the options of the site.
# @param migrate
#   Whether to migrate the database to the newest revision. If false, you must migrate it yourself.
# @param on_config
#   What to do with the running service when its configuration, version or units have changed: `restart`,
#   or `nothing` if you restart it yourself.
# @param health_tries
#   How many times to check the health, with a pause of one second, before the run fails. A check takes part of
#   a second itself, so 30 tries can last 45 seconds.
# @param timers
#   Commands that systemd runs at certain times, by name. Puppet removes timers that are not named any more.
# @param sandbox
#   Directives for the service unit in addition to those of the package: sandbox and resource limits. The worker
#   and the timers have them too, except for those about restarts, time limits and the watchdog.
# @param worker
#   Whether the worker runs on this node, which runs the jobs of the service. With `true`, it runs if the package
#   has `<svc>-worker.service`: the catalog does not know that, so the node looks. A hash is `true` with
#   directives for the unit of the worker, which win over `sandbox`. With `false`, it is stopped and disabled.
# @param service_ensure
#   `stopped` stops the service, its socket and its worker, and does not start them at boot.
# @param purge_data
#   With `ensure: absent`, whether to remove the data in `/var/lib/<svc>` as well.
define debonair::service (
  Enum['present', 'absent'] $ensure = 'present',
  Debonair::Version $version = 'present',
  Debonair::Settings $config = {},
  Sensitive[Debonair::Settings] $secrets = Sensitive({}),
  Optional[Stdlib::Port::Unprivileged] $port = undef,
  Optional[Pattern[/\A\/run\/[A-Za-z0-9_.\/-]+\z/]] $socket = undef,
  Debonair::Nginx $nginx = false,
  Boolean $migrate = true,
  Enum['restart', 'nothing'] $on_config = 'restart',
  Integer[1] $health_tries = 30,
  Hash[Pattern[/\A[a-z][a-z0-9-]*\z/], Debonair::Timer] $timers = {},
  Debonair::Sandbox $sandbox = {},
  Variant[Boolean, Debonair::Sandbox] $worker = true,
  Enum['running', 'stopped'] $service_ensure = 'running',
  Boolean $purge_data = false,
) {
  assert_type(Debonair::Name, $title)
  if $port and $socket {
    fail("debonair::service ${title}: port and socket exclude each other: give one of them")
  }
  if $ensure == 'present' and !$port and !$socket {
    # The package has a port of its own, which is unknown here: nginx could pass requests to another service.
    fail(@("MESSAGE"/L))
      debonair::service ${title}: give it a port, or a socket. puppet/${title}.yaml in the source of the service \
      has its port, and so has /usr/share/${title}/facts.json on a host with the package
      |- MESSAGE
  }

  if 'worker' in $timers {
    fail("debonair::service ${title}: no timer can be named worker: ${title}-worker.service is the unit of the worker")
  }
  # What says when the service is restarted or stopped makes no sense for a command of a timer, and would end the
  # worker before its jobs have finished.
  $shared = $sandbox.filter |$name, $value| {
    $name !~ /\A(Restart(Sec|Force|Prevent|\z)|Timeout|Watchdog|RuntimeMax|RuntimeRandom|FailureAction|SuccessExit)/
  }
  $of_worker = $worker ? {
    Hash    => $shared + $worker,
    default => $shared,
  }

  $backend = $socket ? {
    undef   => "127.0.0.1:${port}",
    default => "unix:${socket}",
  }
  $site = [$ensure, $nginx] ? {
    ['present', Hash] => $nginx,
    ['present', true] => {},
    default           => undef,
  }
  debonair::service::nginx { $title:
    site    => $site,
    backend => $backend,
  }

  if $ensure == 'absent' {
    # nginx stops passing requests to the service before the service is removed.
    Debonair::Service::Nginx[$title]
    -> debonair::service::absent { $title:
      purge_data => $purge_data,
    }
  } else {
    debonair::service::units { $title:
      port    => $port,
      socket  => $socket,
      sandbox => $sandbox,
      worker  => $of_worker,
    }
    -> debonair::service::pin { $title:
      version => $version,
    }
    -> debonair::service::install { $title:
      version => $version,
      config  => $config,
      secrets => $secrets,
    }
    -> debonair::service::run { $title:
      ensure       => $service_ensure,
      migrate      => $migrate,
      on_config    => $on_config,
      health_tries => $health_tries,
      worker       => $worker != false,
    }
    -> Debonair::Service::Nginx[$title]

    # Nothing depends on the timers: a faulty one fails alone.
    debonair::service::timers { $title:
      timers  => $timers,
      active  => $service_ensure == 'running',
      sandbox => $shared,
      require => Debonair::Service::Run[$title],
    }
  }
}
