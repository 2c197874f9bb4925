# Every node gets the services that Hiera names for it.
node default {
  include debonair
}
