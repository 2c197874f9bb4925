# frozen_string_literal: true

RSpec.describe 'debonair::check_parameters', type: :puppet_function do
  # The defined type is loaded by its first use, as it is in a catalog of the class.
  let(:pre_condition) { 'include debonair' }

  it { is_expected.to run.with_params('orders', {}).and_return(nil) }
  it { is_expected.to run.with_params('orders', 'port' => 5001, 'sandbox' => {}).and_return(nil) }
  it { is_expected.to run.with_params('orders', 'require' => 'Package[a]', 'tag' => 'a').and_return(nil) }

  {
    'prot' => "did you mean 'port'?",
    'timer' => "did you mean 'timers'?",
    'zzz' => 'it has config, ensure, health_tries, migrate, nginx, on_config, port, purge_data, sandbox, ' \
             'service_ensure, socket, timers, version, worker',
  }.each do |key, advice|
    it "advises on #{key}" do
      message = "debonair::services: orders: '#{key}' is not a parameter of a service: #{advice}"
      is_expected.to run.with_params('orders', key => 1).and_raise_error(Puppet::Error, /#{Regexp.escape(message)}\z/)
    end
  end

  it 'says where secrets belong' do
    is_expected.to run.with_params('orders', 'secrets' => {}).and_raise_error(/orders: 'secrets' belongs in debonair::secrets\z/)
  end

  it { is_expected.to run.with_params('orders', 'port').and_raise_error(ArgumentError, /'parameters'|parameter/) }
end
