# @summary Writes settings as the text of an INI file that a Debonair service reads back as they are.
#
# A dollar sign is doubled, since the reader resolves `${NAME}`; text that begins or ends in white
# space stands in double quotes; a list has one item a line; `undef` leaves an option out.
#
# @param settings the sections with their options
#
# @return [String] the text, without a header
#
# @example
#   debonair::ini({ 'server' => { 'workers' => 2 } })   # "[server]\nworkers = 2\n"
function debonair::ini(Debonair::Settings $settings) >> String {
  $settings.map |$section, $options| {
    $lines = $options.filter |$key, $value| { $value =~ NotUndef }.map |$key, $value| {
      $text = $value ? {
        Array   => $value.map |$item| {
          if String($item) =~ /[,\n]/ {
            fail("debonair: [${section}] ${key}: an item of a list can have no comma and no line break")
          }
          "\n    ${debonair::ini_text(String($item))}"
        }.join,
        String  => " ${debonair::ini_text($value)}",
        default => " ${value}",
      }
      if $text =~ /\n\s*[#;]/ {
        fail("debonair: [${section}] ${key}: a line after the first one cannot begin with # or ;")
      }
      "${key} =${text}\n"
    }
    "[${section}]\n${lines.join}"
  }.join("\n")
}
