# @summary Puts one Debonair service on this host, or takes it away.
#
# In the order of time: drop-ins of the units → package → configuration, which the service itself
# checks before it replaces the old one → migration of the database → a check that the whole service
# starts → restart → health. What is left to do is decided from the state of the host and never from
# what this run has changed, so the next run finishes what this one could not. When a step fails, the
# run is red and the service that ran before goes on.
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
#   }
#
# @param ensure
#   `absent` takes away package, configuration, logs, drop-ins, timers and nginx site. Data stay
#   unless `purge_data` is set; the user stays always.
# @param version
#   The version of the package; an older one than what is installed is a downgrade.
# @param config
#   The settings, written as a whole to `/etc/<svc>/config.ini`. Nothing else in that file survives.
# @param secrets
#   More settings, kept out of reports and logs. They win over `config`.
# @param port
#   The port on 127.0.0.1. When neither `port` nor `socket` is given, it is what the package says.
# @param socket
#   A Unix socket to listen on in place of a port; the service and www-data may connect.
# @param nginx
#   Whether, and how, nginx stands in front of it.
# @param migrate
#   Whether to bring the database to the newest revision. When not, somebody else must.
# @param on_config
#   What a changed configuration, version or unit makes of the running service: `restart`, or
#   `nothing`, when restarts are for a person to choose the time of.
# @param health_tries
#   How often, a second apart, the service is asked for its health before the run is red.
# @param timers
#   Commands that systemd runs on time. One that is to go needs `ensure: absent`.
# @param sandbox
#   Directives for the unit above those of the package: tighter sandbox, limits on resources.
# @param service_ensure
#   `stopped` keeps the service and its socket stopped, and not started at boot.
# @param purge_data
#   With `ensure: absent`, whether the data in `/var/lib/<svc>` go as well.
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
  Enum['running', 'stopped'] $service_ensure = 'running',
  Boolean $purge_data = false,
) {
  assert_type(Debonair::Name, $title)
  if $port and $socket {
    fail("debonair::service ${title}: port and socket exclude each other")
  }

  $backend = $socket ? {
    undef   => "127.0.0.1:${pick($port, 5000)}",
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
    # First nobody asks the service any more, then it goes.
    Debonair::Service::Nginx[$title]
    -> debonair::service::absent { $title:
      timers     => $timers,
      purge_data => $purge_data,
    }
  } else {
    debonair::service::units { $title:
      port    => $port,
      socket  => $socket,
      sandbox => $sandbox,
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
    }
    -> debonair::service::timers { $title:
      timers => $timers,
      active => $service_ensure == 'running',
    }
    -> Debonair::Service::Nginx[$title]
  }
}
