# @summary Returns settings as the text of an INI file, which the service reads back unchanged.
#
# A dollar sign is doubled, because the service resolves `${NAME}`. Text that begins or ends with white
# space is put in double quotes. A list has one item per line. An option whose value is `undef` is left
# out. A line of the file ends with a newline only, so other line separators of Unicode are written as they
# are.
#
# These cannot be read back, and fail the compilation: an item of a list with a comma or a newline; a space,
# a tab or a carriage return beside a newline; a line after the first one that begins with `#` or `;`.
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
      if $value =~ String and $value =~ /[ \t\r]\n|\n[ \t\r]/ {
        fail("debonair: [${section}] ${key}: no space, tab or carriage return can be beside a line break")
      }
      if $text =~ /\n\s*[#;]/ {
        fail("debonair: [${section}] ${key}: a line after the first one cannot begin with # or ;")
      }
      "${key} =${text}\n"
    }
    "[${section}]\n${lines.join}"
  }.join("\n")
}
