# @summary Sets up the apt repository that the services come from.
#
# The lists are read anew when the source or the key changed since, when the last time is `max_age`
# minutes ago, or (see `debonair::service`) when a version is asked for that they do not know.
#
# @param url
#   Where the repository is.
# @param key
#   The public key that signs it, ASCII-armoured.
# @param suite
#   Its suite.
# @param components
#   Its components.
# @param max_age
#   The age in minutes at which the lists are read anew.
class debonair::repository (
  Pattern[/\A(https?|file):\S+\z/] $url,
  Pattern[/\A-----BEGIN PGP PUBLIC KEY BLOCK-----/] $key,
  Pattern[/\A[a-z0-9][a-z0-9\/.-]*\z/] $suite,
  Array[Pattern[/\A[a-z0-9-]+\z/], 1] $components,
  Integer[1] $max_age,
) {
  $keyring = '/etc/apt/keyrings/debonair.asc'
  $source = '/etc/apt/sources.list.d/debonair.sources'
  # apt's own stamps tell of success for all sources; this one is for ours.
  $stamp = '/var/lib/apt/periodic/debonair-update-success-stamp'

  file { '/etc/apt/keyrings':
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }

  file { $keyring:
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => $key,
  }

  file { $source:
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => @("SOURCE"),
      # Puppet (debonair::repository) writes this file.
      Types: deb
      URIs: ${url}
      Suites: ${suite}
      Components: ${components.join(' ')}
      Signed-By: ${keyring}
      | SOURCE
  }

  -> exec { 'debonair: read the lists of the repository':
    command  => "apt-get update --error-on=any && touch ${stamp}",
    unless   => "find ${stamp} -newer ${source} -newer ${keyring} -mmin -${max_age} | grep -q .",
    provider => shell,
    path     => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    require  => File[$keyring],
  }
}
