"""`config.json`, read into typed models and plugin classes; what every part may know of the installation."""
