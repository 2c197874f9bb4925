# @summary The version of a package: `present` (any version), `latest`, or a Debian version number.
type Debonair::Version = Variant[Enum['present', 'latest'], Pattern[/\A[0-9][A-Za-z0-9.+~:-]*\z/]]
