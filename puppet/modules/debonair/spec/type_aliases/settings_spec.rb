# frozen_string_literal: true

RSpec.describe 'Debonair::Settings', type: :type_alias do
  [
    {},
    { 'server' => {} },
    { 'server' => { 'workers' => 2 } },
    { 'client:stock' => { 'a.b-c' => 'x' } },
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    { 'a b' => {} },
    { 'a]' => {} },
    { 'a' => { 'b c' => 1 } },
    { 'a' => { 'b=' => 1 } },
    { 'a' => { 'b' => {} } },
    { 'a' => 1 },
    { '' => {} },
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
