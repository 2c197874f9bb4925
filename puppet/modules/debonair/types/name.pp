# @summary The name of a service. Its package, user, units and directories have the same name.
#
# It has 2 to 31 characters, because the name of a Linux user has at most 31.
type Debonair::Name = Pattern[/\A[a-z][a-z0-9-]{1,30}\z/]
