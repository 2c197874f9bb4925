# @summary Sets up the apt repository that the services come from.
#
# `apt-get update` runs when the source or the key has changed, when the last successful update is older
# than `max_age`, or (see `debonair::service`) when a service wants a version that the lists do not have.
# If the repository cannot be read, the run fails, but only what needs a package that the host does not have
# is skipped.
#
# @param url
#   The URL of the repository: `http:`, `https:` or `file:`.
# @param key
#   The public key that signs the repository, ASCII-armoured.
# @param suite
#   The suite of the repository.
# @param components
#   The components of the suite.
# @param max_age
#   The age of the package lists, in minutes, from which they are updated.
class debonair::repository (
  Pattern[/\A(https?|file):\S+\z/] $url,
  Pattern[/\A-----BEGIN PGP PUBLIC KEY BLOCK-----/] $key,
  Pattern[/\A[a-z0-9][a-z0-9\/.-]*\z/] $suite,
  Array[Pattern[/\A[a-z0-9-]+\z/], 1] $components,
  Integer[1] $max_age,
) {
  $keyring = '/etc/apt/keyrings/debonair.asc'
  $source = '/etc/apt/sources.list.d/debonair.sources'
  # apt's own stamps are about all sources together. This one is about this source.
  $stamp = '/var/lib/apt/periodic/debonair-update-success-stamp'
  $log = '/var/log/apt/debonair-update.log'
  $fresh = "find ${stamp} -newer ${source} -newer ${keyring} -mmin -${max_age} | grep -q ."
  $path = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

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

  # It succeeds even if the update fails, because the services depend on it.
  -> exec { 'debonair: read the lists of the repository':
    command  => "apt-get update --error-on=any > ${log} 2>&1 && touch ${stamp} || true",
    unless   => $fresh,
    provider => shell,
    path     => $path,
    require  => File[$keyring],
  }

  include debonair::repository::readable
}
