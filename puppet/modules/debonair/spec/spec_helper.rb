# frozen_string_literal: true

# Unit tests of the module, with Debian's packages only: ruby-rspec-puppet, puppet-module-puppetlabs-stdlib.
# Run `rspec` in the directory of the module, or `make puppet-test` in the root of the repository.

require 'json'
require 'open3'
require 'tmpdir'
require 'yaml'
require 'rspec-puppet'

MODULE = File.expand_path('..', __dir__)

RSpec.configure do |config|
  # The module's own directory is its parent's entry "debonair": no fixture has to link to it.
  config.setup_fixtures = false
  config.module_path = [File.dirname(MODULE), '/usr/share/puppet/modules'].join(':')
  config.strict_variables = true
  config.disable_monkey_patching! if config.respond_to?(:disable_monkey_patching!)
  config.expect_with(:rspec) { |expectations| expectations.max_formatted_output_length = nil }
  # A resource of a catalog that no test names makes a run of all files fail.
  whole = config.files_to_run.size == Dir[File.join(__dir__, '**', '*_spec.rb')].size
  config.after(:suite) { RSpec::Puppet::Coverage.report!(100) } if whole
end

# Yields the name and the facts of each release in metadata.json; facts are in spec/fixtures/facts.
def on_each_release
  metadata = JSON.parse(File.read(File.join(MODULE, 'metadata.json')))
  metadata['operatingsystem_support'].each do |system|
    system['operatingsystemrelease'].each do |release|
      name = "#{system['operatingsystem']} #{release}"
      file = File.join(__dir__, 'fixtures', 'facts', "#{name.downcase.tr(' ', '-')}.yaml")
      yield name, YAML.safe_load(File.read(file))
    end
  end
end

# Returns whether /bin/sh can parse a script.
def shell_parses?(script)
  _, status = Open3.capture2e('/bin/sh', '-n', '-c', script)
  status.success?
end
