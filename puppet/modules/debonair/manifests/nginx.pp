# @summary Installs nginx on a host where a service has a site, and enables it at boot.
#
# Another module may manage the package and the service of nginx on this host as well. The services' sites
# start nginx, after their own files are in order: a faulty site must not keep nginx from starting.
#
# @api private
class debonair::nginx {
  unless defined(Package['nginx']) {
    package { 'nginx':
      ensure => installed,
    }
  }

  unless defined(Service['nginx']) {
    service { 'nginx':
      enable  => true,
      require => Package['nginx'],
    }
  }

  # Debian's welcome page is the default server: a service without a server name would get no request.
  file { '/etc/nginx/sites-enabled/default':
    ensure  => absent,
    require => Package['nginx'],
  }

  file { '/usr/local/lib/debonair':
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }

  file { '/usr/local/lib/debonair/nginx-site':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0755',
    content => file('debonair/nginx-site'),
  }
}
