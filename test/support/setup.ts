// Loaded before each test file. Tests talk to loopback only; nothing here may reach out.
process.env.NO_COLOR = '1';
