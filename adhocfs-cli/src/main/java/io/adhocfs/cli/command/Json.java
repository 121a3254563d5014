package io.adhocfs.cli.command;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;

/** Results for programs. */
final class Json {
  private Json() {}

  /** Maps, lists, texts and numbers as JSON. */
  static String pretty(Object value) {
    try {
      return JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(value);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As {@link #pretty}, on one line. */
  static String line(Object value) {
    try {
      return JSON.std.asString(value);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
