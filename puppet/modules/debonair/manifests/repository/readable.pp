# @summary Fails the run if the lists of the apt repository could not be updated.
#
# `debonair::repository` includes this class and does not contain it, so no service depends on it.
#
# @api private
class debonair::repository::readable {
  $log = $debonair::repository::log

  exec { 'debonair: the repository can be read':
    command  => "grep -m 1 '^E:' ${log} || tail -n 1 ${log}; exit 1",
    unless   => $debonair::repository::fresh,
    provider => shell,
    path     => $debonair::repository::path,
    require  => Exec['debonair: read the lists of the repository'],
  }
}
