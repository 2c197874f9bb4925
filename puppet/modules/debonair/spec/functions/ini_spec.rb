# frozen_string_literal: true

RSpec.describe 'debonair::ini', type: :puppet_function do
  it { is_expected.to run.with_params({}).and_return('') }
  it { is_expected.to run.with_params('server' => {}).and_return("[server]\n") }

  it 'writes sections with an empty line between them' do
    is_expected.to run.with_params('a' => { 'b' => 1 }, 'c:d' => { 'e.f' => 'g' }).and_return("[a]\nb = 1\n\n[c:d]\ne.f = g\n")
  end

  {
    2 => ' 2',
    1.5 => ' 1.5',
    true => ' true',
    '' => ' ',
    'pa$word ${HOME}' => ' pa$$word $${HOME}',
    ' padded' => ' " padded"',
    "one\ntwo" => " one\n    two",
    ['a', 2, '$b', '#c'] => "\n    a\n    2\n    $$b\n    \"#c\"",
    [] => '',
    "a\rb\vc\fd\u0085e\u2028[server]" => " a\rb\vc\fd\u0085e\u2028[server]",
    "ends\r" => " \"ends\r\"",
    "\"a\nb\"" => " \"\"a\n    b\"\"",
  }.each do |value, text|
    it "writes #{value.inspect}" do
      is_expected.to run.with_params('a' => { 'b' => value }).and_return("[a]\nb =#{text}\n")
    end
  end

  it 'leaves out an option that is undef' do
    is_expected.to run.with_params('a' => { 'b' => nil, 'c' => 1 }).and_return("[a]\nc = 1\n")
  end

  {
    { 'a' => { 'b' => ['x,y'] } } => /\[a\] b: an item of a list can have no comma and no line break/,
    { 'a' => { 'b' => ["x\ny"] } } => /\[a\] b: an item of a list can have no comma and no line break/,
    { 'a' => { 'b' => "x\n# y" } } => /\[a\] b: a line after the first one cannot begin with # or ;/,
    { 'a' => { 'b' => "x\n; y" } } => /\[a\] b: a line after the first one cannot begin with # or ;/,
    { 'a' => { 'b' => "x\r\ny" } } => /\[a\] b: no space, tab or carriage return can be beside a line break/,
    { 'a' => { 'b' => "x \ny" } } => /\[a\] b: no space, tab or carriage return can be beside a line break/,
    { 'a' => { 'b' => "x\n\ty" } } => /\[a\] b: no space, tab or carriage return can be beside a line break/,
    { 'a b' => { 'c' => 1 } } => /expects/,
    { 'a' => { "b\nc" => 1 } } => /expects/,
  }.each do |settings, message|
    it("refuses #{settings}") { is_expected.to run.with_params(settings).and_raise_error(message) }
  end
end
