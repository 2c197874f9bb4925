# frozen_string_literal: true

RSpec.describe 'Debonair::Directive', type: :type_alias do
  [
    'MemoryMax',
    'IPAddressDeny',
    'Environment',
    'Nice',
    'ProtectSystem',
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    'MemorMax',
    'memorymax',
    'ExecStart',
    'User',
    '',
    1,
  ].each { |value| it { is_expected.not_to allow_value(value) } }

  systemd = '/lib/systemd/systemd'
  if File.executable?(systemd)
    it 'allows nothing that systemd does not know' do
      items, = Open3.capture2(systemd, '--dump-configuration-items')
      known = items[/^\[Service\]\n(.*?)(^\[|\z)/m, 1].scan(/^(\w+)=/).flatten
      source = File.read(File.join(MODULE, 'types', 'directive.pp'))
      expect(source.scan(/'(\w+)'/).flatten - known).to eq []
    end
  end
end
