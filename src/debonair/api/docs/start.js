// Shows the OpenAPI document of the service. Its URL is relative to /docs, so that the page works below a prefix.
const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  validatorUrl: null, // the default is a foreign host
  queryConfigEnabled: false, // or a link could make the page show the document of another host
  deepLinking: true,
  filter: true,
  defaultModelsExpandDepth: 0,
  onComplete() {
    document.title = ui.specSelectors.info().get("title");
  },
});
