# @summary Keeps `apt upgrade` by hand at the version of a service that Hiera names.
#
# @param version the version of the package; a pin is written only for a version number
# @api private
define debonair::service::pin (
  Debonair::Version $version,
) {
  $ensure = $version ? {
    Enum['present', 'latest'] => absent,
    default                   => file,
  }
  # With a priority above 1000, apt also goes back to an older version.
  file { "/etc/apt/preferences.d/debonair-${title}":
    ensure  => $ensure,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => @("PREFERENCES"),
      # Puppet (debonair::service ${title}) writes this file.
      Package: ${title}
      Pin: version ${version}
      Pin-Priority: 1001
      | PREFERENCES
  }
}
