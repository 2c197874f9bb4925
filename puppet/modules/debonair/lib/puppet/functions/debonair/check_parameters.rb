# frozen_string_literal: true

# @summary Fails when a service in Hiera has a parameter that `debonair::service` does not have.
#
# Puppet itself names only the unknown parameter. This function also names the most similar known one,
# or, when none is similar, all of them.
# @api private
Puppet::Functions.create_function(:'debonair::check_parameters', Puppet::Functions::InternalFunction) do
  # @param name the name of the service
  # @param parameters its parameters
  # @return [Undef]
  dispatch :check do
    scope_param
    param 'String', :name
    param 'Hash[String, Any]', :parameters
    return_type 'Undef'
  end

  def check(scope, name, parameters)
    known = scope.find_definition('debonair::service').arguments.keys - ['secrets']
    parameters.each_key do |key|
      next if known.include?(key) || Puppet::Type.metaparam?(key)
      raise Puppet::Error, "debonair::services: #{name}: '#{key}' #{advice(key, known)}"
    end
    nil
  end

  def advice(key, known)
    return 'belongs in debonair::secrets' if key == 'secrets'
    nearest = similar(key, known)
    "is not a parameter of a service: #{nearest ? "did you mean '#{nearest}'?" : "it has #{known.sort.join(', ')}"}"
  end

  # did_you_mean comes with Ruby, but an installation can leave it out.
  def similar(key, known)
    require 'did_you_mean'
    DidYouMean::SpellChecker.new(dictionary: known).correct(key).first
  rescue LoadError
    nil
  end
end
