# @summary The name of a service: of its package, user, units and directories.
#
# At most 31 characters, which is what a user's name may have.
type Debonair::Name = Pattern[/\A[a-z][a-z0-9-]{1,30}\z/]
