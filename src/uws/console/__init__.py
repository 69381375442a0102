"""The researcher's pages: templates, forms and a little script over the same services as the API."""
