# frozen_string_literal: true

RSpec.describe 'debonair::ini_text', type: :puppet_function do
  {
    'plain text' => 'plain text',
    '$HOME' => '$$HOME',
    ' before' => '" before"',
    'after ' => '"after "',
    '"quoted"' => '""quoted""',
    '"half' => '"half',
    '# no comment' => '"# no comment"',
    '; no comment' => '"; no comment"',
    "one\ntwo" => "one\n    two",
  }.each do |text, value|
    it("writes #{text.inspect}") { is_expected.to run.with_params(text).and_return(value) }
  end

  it { is_expected.to run.with_params(1).and_raise_error(/expects a String/) }
end
