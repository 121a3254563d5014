package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Output;
import java.io.InputStream;
import java.util.Map;

/**
 * The surroundings in which a command runs.
 *
 * @param environment the environment variables
 */
public record Surroundings(Map<String, String> environment, InputStream input, Output output) {}
