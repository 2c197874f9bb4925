# @summary The nginx site of a service.
#
# nginx loads its configuration when it is newer than what was last loaded, by the time of a stamp, so
# a reload that failed is tried again by the next run. A configuration that nginx refuses makes the
# run red; the nginx that runs keeps the one before.
#
# @param site its options; undef when there is no site
# @param backend the service's address: host:port, or unix:path
# @api private
define debonair::service::nginx (
  Optional[Hash[String, Any]] $site,
  String $backend,
) {
  $available = "/etc/nginx/sites-available/${title}"
  $enabled = "/etc/nginx/sites-enabled/${title}"
  $stamp = '/run/nginx-loaded-by-debonair'

  if $site =~ NotUndef {
    include debonair::nginx

    file { $available:
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('debonair/nginx.conf.epp', {
          'svc'         => $title,
          'backend'     => $backend,
          'server_name' => pick($site['server_name'], ['_']),
          'max_body'    => pick($site['max_body'], '1m'),
          'timeout'     => pick($site['timeout'], 60),
          'tls'         => $site['tls'],
      }),
      require => Class['debonair::nginx'],
    }
    -> file { $enabled:
      ensure => link,
      target => $available,
    }
  } else {
    # A host without nginx has no such files, and this is then no change.
    file { [$enabled, $available]:
      ensure => absent,
    }
  }

  exec { "debonair ${title}: load the configuration of nginx":
    command  => "nginx -q -t && systemctl reload-or-restart nginx.service && touch ${stamp}",
    onlyif   => @("ONLYIF"/L),
      test -x /usr/sbin/nginx && systemctl is-active --quiet nginx.service && \
      { test ! -e ${stamp} || find -L /etc/nginx -newer ${stamp} | grep -q .; }
      | ONLYIF
    provider => shell,
    path     => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    require  => File[$enabled, $available],
  }
}
