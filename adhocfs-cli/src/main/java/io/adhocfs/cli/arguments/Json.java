package io.adhocfs.cli.arguments;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The only writer of JSON in the commands: results for programs, and messages to processes on other
 * hosts.
 *
 * <p>All keys are snake_case, so that users need not look up how a command spells its keys. A value
 * is a map, a list, a text, a number or a truth value; any other object is refused, since the
 * library would make keys of the names of its methods.
 */
public final class Json {
  private static final Pattern SNAKE_CASE = Pattern.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*");

  private Json() {}

  /**
   * JSON on as many lines as people need to read it.
   *
   * @throws IllegalArgumentException if a key is not snake_case, or a value is not one of JSON
   */
  public static String pretty(Object value) {
    return write(JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT), value);
  }

  /**
   * JSON on one line, without a line end.
   *
   * @throws IllegalArgumentException if a key is not snake_case, or a value is not one of JSON
   */
  public static String line(Object value) {
    return write(JSON.std, value);
  }

  private static String write(JSON writer, Object value) {
    check(value);
    try {
      return writer.asString(value);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void check(@Nullable Object value) {
    switch (value) {
      case Map<?, ?> map ->
          map.forEach((key, inner) -> {
            if (!(key instanceof String text) || !SNAKE_CASE.matcher(text).matches()) {
              throw new IllegalArgumentException("the JSON key '" + key + "' is not snake_case");
            }
            check(inner);
          });
      case List<?> list -> list.forEach(Json::check);
      case String _, Boolean _, Integer _, Long _, Double _ -> {}
      case null -> throw new IllegalArgumentException("JSON without a value");
      default -> throw new IllegalArgumentException("no value of JSON: " + value.getClass());
    }
  }
}
