# @summary The version of a package: `present` (any), `latest`, or one of Debian's form.
type Debonair::Version = Variant[Enum['present', 'latest'], Pattern[/\A[0-9][A-Za-z0-9.+~:-]*\z/]]
