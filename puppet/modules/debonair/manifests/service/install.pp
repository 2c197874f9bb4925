# @summary The package of a service, and its configuration.
#
# @param version the version of the package
# @param config the settings
# @param secrets more settings, which nobody may read
# @api private
define debonair::service::install (
  Debonair::Version $version,
  Debonair::Settings $config,
  Sensitive[Debonair::Settings] $secrets,
) {
  unless $version in ['present', 'latest'] {
    # A version that was published since the lists were read.
    exec { "debonair ${title}: look for version ${version}":
      command  => 'apt-get update --error-on=any',
      unless   => @("UNLESS"/$L),
        test "\$(dpkg-query -W -f '\${db:Status-Abbrev}\${Version}' ${title} 2>&1)" = 'ii ${version}' || \
        apt-cache show '${title}=${version}'
        | UNLESS
      provider => shell,
      path     => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
      before   => Package[$title],
    }
  }

  # The package then leaves migration and restart to the steps below: a configuration that only the new
  # version understands can be written once that is installed. The group comes with the package.
  exec { "debonair ${title}: tell the package who manages it":
    command  => "install -d -m 0755 /etc/${title} && echo Puppet > /etc/${title}/managed",
    creates  => "/etc/${title}/managed",
    provider => shell,
    path     => ['/usr/bin', '/bin'],
  }

  -> package { $title:
    ensure => $version,
  }

  -> file { "/etc/${title}":
    ensure => directory,
    owner  => 'root',
    group  => $title,
    mode   => '0750',
  }

  $header = "# Puppet (debonair::service ${title}) writes this file; what is edited here is lost.\n\n"
  $text = "${header}${debonair::ini(deep_merge($config, $secrets.unwrap))}"

  # Without secrets a report may show what changed.
  $content = $secrets.unwrap.empty ? {
    true    => $text,
    default => Sensitive($text),
  }

  file { "/etc/${title}/config.ini":
    ensure       => file,
    owner        => 'root',
    group        => $title,
    mode         => '0640',
    content      => $content,
    backup       => false,
    validate_cmd => "/usr/bin/${title} check-config --as /etc/${title}/config.ini %",
  }
}
