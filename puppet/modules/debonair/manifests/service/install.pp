# @summary Installs the package of a service, and writes its configuration.
#
# @param version the version of the package
# @param config the settings
# @param secrets secret settings, which win over `config`
# @api private
define debonair::service::install (
  Debonair::Version $version,
  Debonair::Settings $config,
  Sensitive[Debonair::Settings] $secrets,
) {
  # dpkg that was killed refuses all further work until it is configured. A package that it left half unpacked
  # stays so (exit code 1) until it is installed again, below. 2: another process holds the lock; wait for it.
  exec { "debonair ${title}: finish what dpkg has begun":
    command     => 'dpkg --force-confdef --force-confold --configure -a',
    onlyif      => "test -n \"$(ls -A /var/lib/dpkg/updates)\" || dpkg --audit ${title} 2>/dev/null | grep -q .",
    returns     => [0, 1],
    tries       => 30,
    try_sleep   => 10,
    timeout     => 3600,
    environment => ['DEBIAN_FRONTEND=noninteractive'],
    provider    => shell,
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    before      => Package[$title],
  }

  unless $version in ['present', 'latest'] {
    # The version may have been published after the lists were read. `apt-cache show` succeeds for any
    # version of a known package, so the versions that `madison` lists are compared.
    exec { "debonair ${title}: look for version ${version}":
      command  => 'apt-get update --error-on=any',
      unless   => @("UNLESS"/$L),
        test "\$(dpkg-query -W -f '\${db:Status-Abbrev}\${Version}' ${title} 2>&1)" = 'ii ${version}' || \
        apt-cache madison '${title}' | cut -d '|' -f 2 | tr -d ' ' | grep -qxF '${version}'
        | UNLESS
      provider => shell,
      path     => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
      before   => Package[$title],
    }
  }

  # With this file, the package's maintainer scripts neither migrate nor restart: a configuration that only
  # the new version understands can be written only after the package is installed. The package creates
  # the group of the files below.
  exec { "debonair ${title}: tell the package who manages it":
    command  => "install -d -m 0755 /etc/${title} && echo Puppet > /etc/${title}/managed",
    creates  => "/etc/${title}/managed",
    provider => shell,
    path     => ['/usr/bin', '/bin'],
  }

  # Another process may be installing packages: apt waits for it, in seconds.
  -> package { $title:
    ensure          => $version,
    install_options => ['-o', 'DPkg::Lock::Timeout=300'],
  }

  -> file { "/etc/${title}":
    ensure => directory,
    owner  => 'root',
    group  => $title,
    mode   => '0750',
  }

  # Puppet writes a draft of the configuration, secrets included, beside the file. A run that was killed leaves it.
  tidy { "/etc/${title}":
    recurse => 1,
    matches => ['config.ini[0-9]*'],
    backup  => false,
  }

  $header = "# Puppet (debonair::service ${title}) writes this file; other changes are lost.\n\n"
  $text = "${header}${debonair::ini(deep_merge($config, $secrets.unwrap))}"

  # Without secrets, the report may show the difference.
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
