# @summary Returns the lines of a unit that set some directives.
# @param sandbox the directives with their values; a list sets its directive once per item
# @return [String] the lines, each with a line break
# @api private
function debonair::directives(Debonair::Sandbox $sandbox) >> String {
  $sandbox.map |$name, $value| {
    flatten($value).map |$it| { "${name}=${it}\n" }.join
  }.join
}
