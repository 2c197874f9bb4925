# Puts the services in Hiera on every node.
node default {
  include debonair
}
