"""Conformance kits: tests that any plugin, ours or a stranger's, is run through.

Sub-class the kit of your plugin's kind in a test module of your own and say how to build the plugin:

    class TestOurDirectory(AuthenticationConformance):
        @pytest.fixture
        def method(self, deployment):
            return OurDirectory("ours", OurEntry(…), deployment)

The kits need pytest and nothing else of the server's tests. `deployment` is a fixture of each kit; override it where
your plugin needs settings of its own.
"""
