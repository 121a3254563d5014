package io.adhocfs.protocol.instance;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a JSON object read from a file: what is missing or of the wrong kind is CORRUPT.
 */
public final class JsonFields {
  private final String source;
  private final Map<?, ?> fields;

  private JsonFields(String source, Map<?, ?> fields) {
    this.source = source;
    this.fields = fields;
  }

  /**
   * Reads an object.
   *
   * @param source named in errors, such as the file's path
   */
  public static JsonFields parse(String source, byte[] json) throws FsException {
    Object value;
    try {
      value = JSON.std.anyFrom(new String(json, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new FsException(FsError.CORRUPT, source + " is not JSON: " + e.getMessage(), e);
    }
    if (!(value instanceof Map<?, ?> fields)) {
      throw new FsException(FsError.CORRUPT, source + " is not a JSON object");
    }
    return new JsonFields(source, fields);
  }

  public String text(String name) throws FsException {
    return as(name, String.class, fields.get(name));
  }

  public long number(String name) throws FsException {
    return as(name, Number.class, fields.get(name)).longValue();
  }

  public int intNumber(String name) throws FsException {
    long value = number(name);
    if (value != (int) value) {
      throw corrupt(name, "is too large");
    }
    return (int) value;
  }

  public boolean flag(String name) throws FsException {
    return as(name, Boolean.class, fields.get(name));
  }

  public List<JsonFields> objects(String name) throws FsException {
    List<JsonFields> objects = new ArrayList<>();
    for (Object value : as(name, List.class, fields.get(name))) {
      objects.add(new JsonFields(source, as(name, Map.class, value)));
    }
    return objects;
  }

  public Map<String, String> texts(String name) throws FsException {
    Map<String, String> texts = new TreeMap<>();
    Map<?, ?> map = as(name, Map.class, fields.get(name));
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      texts.put(String.valueOf(entry.getKey()), as(name, String.class, entry.getValue()));
    }
    return texts;
  }

  /** The error for a field with this problem. */
  public FsException corrupt(String name, String problem) {
    return new FsException(FsError.CORRUPT, source + ": '" + name + "' " + problem);
  }

  private <T> T as(String name, Class<T> kind, @Nullable Object value) throws FsException {
    if (!kind.isInstance(value)) {
      throw corrupt(name, value == null ? "is missing" : "has the wrong kind");
    }
    return kind.cast(value);
  }
}
