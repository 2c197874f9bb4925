# @summary Installs and runs nginx on a host where a service has a site.
# @api private
class debonair::nginx {
  # Another module may manage nginx on this host as well.
  ensure_resource('package', 'nginx', { 'ensure' => 'installed' })
  ensure_resource('service', 'nginx', { 'ensure' => 'running', 'enable' => true })

  # Debian's welcome page is the default server: a service without a server name would get no request.
  file { '/etc/nginx/sites-enabled/default':
    ensure => absent,
  }

  Package['nginx'] -> File['/etc/nginx/sites-enabled/default'] -> Service['nginx']
}
