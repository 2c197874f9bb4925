# frozen_string_literal: true

RSpec.describe 'Debonair::Sandbox', type: :type_alias do
  [
    {},
    { 'MemoryMax' => '512M' },
    { 'Nice' => 5 },
    { 'PrivateTmp' => true },
    { 'IPAddressDeny' => ['any', '10.0.0.1'] },
    { 'CapabilityBoundingSet' => '' },
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    { 'MemorMax' => '512M' },
    { 'ExecStart' => '/bin/true' },
    { 'MemoryMax' => "512M\nUser=root" },
    { 'IPAddressDeny' => ["any\nUser=root"] },
    { 'Nice' => {} },
    'MemoryMax',
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
