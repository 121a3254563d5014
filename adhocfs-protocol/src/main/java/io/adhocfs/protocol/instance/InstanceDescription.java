package io.adhocfs.protocol.instance;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Everything that an instance's file says. Written before the first daemon is started, so that
 * whatever a broken start leaves behind can be found and removed.
 *
 * @param places where each node's daemon and data are, by ascending node id
 * @param created when it was brought up
 * @param version raised by one with each change that is written down; 0 = never written down
 */
public record InstanceDescription(
    Instance instance, List<Place> places, Instant created, long version) {
  /** The format that this version writes and the only one it reads. */
  public static final int FORMAT = 2;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

  /**
   * Where a node's daemon runs and stores.
   *
   * @param host by which the remote-start command reaches its machine; empty = the machine on which
   *     the instance was brought up
   * @param dataDirectory on that machine, absolute; this node's alone
   */
  public record Place(NodeId id, String host, String dataDirectory) {
    public Place {
      if (!dataDirectory.startsWith("/")) {
        throw new IllegalArgumentException("data directory '" + dataDirectory + "' of " + id);
      }
    }

    public boolean isLocal() {
      return host.isEmpty();
    }
  }

  public InstanceDescription {
    checkName(instance.name());
    places = places.stream().sorted(Comparator.comparing(Place::id)).toList();
    if (instance.secret().length == 0 || places.isEmpty()) {
      throw new IllegalArgumentException(instance + " without a secret or a place");
    }
  }

  /** A description that is not written down yet. */
  public InstanceDescription(Instance instance, List<Place> places, Instant created) {
    this(instance, places, created, 0);
  }

  /**
   * Refuses what cannot be the name of an instance.
   *
   * @throws IllegalArgumentException saying what is allowed
   */
  public static void checkName(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "'"
              + name
              + "' cannot name an instance: 1 to 63 letters, digits, '.', '_' and '-', the first a letter or digit");
    }
  }

  /** The place of a node, or null. */
  public @Nullable Place place(NodeId id) {
    return places.stream().filter(place -> place.id().equals(id)).findFirst().orElse(null);
  }

  /** This description with other addresses. */
  public InstanceDescription withNodes(List<ClusterMap.Node> nodes) {
    return new InstanceDescription(
        new Instance(instance.name(), instance.id(), instance.secret(), instance.settings(), nodes),
        places,
        created,
        version);
  }

  /** This description with places added; a node that has one already keeps it. */
  public InstanceDescription withPlaces(Collection<Place> added) {
    List<Place> all = new ArrayList<>(places);
    added.stream().filter(place -> place(place.id()) == null).forEach(all::add);
    return new InstanceDescription(instance, all, created, version);
  }

  /** This description without the places and addresses of some nodes. */
  public InstanceDescription without(Collection<NodeId> nodes) {
    return new InstanceDescription(
            instance,
            places.stream().filter(place -> !nodes.contains(place.id())).toList(),
            created,
            version)
        .withNodes(instance.nodes().stream().filter(node -> !nodes.contains(node.id())).toList());
  }

  /**
   * This description with the addresses of nodes as a map knows them. The map decides who is part
   * of the instance, and of two addresses of a node the one of the higher incarnation counts.
   */
  public InstanceDescription agreeingWith(ClusterMap map) {
    List<ClusterMap.Node> nodes = new ArrayList<>();
    for (ClusterMap.Node agreed : map.nodes()) {
      if (agreed.isMember()) {
        nodes.add(
            instance.nodes().stream()
                .filter(known ->
                    known.id().equals(agreed.id()) && known.incarnation() > agreed.incarnation())
                .findFirst()
                .orElse(contact(agreed)));
      }
    }
    return nodes.isEmpty() ? this : withNodes(nodes);
  }

  /** What is written down of a node: where it is, not what it is doing. */
  private static ClusterMap.Node contact(ClusterMap.Node node) {
    return new ClusterMap.Node(
        node.id(),
        node.host(),
        node.port(),
        node.socketPath(),
        node.incarnation(),
        NodeState.ACTIVE);
  }

  InstanceDescription withVersion(long number) {
    return new InstanceDescription(instance, places, created, number);
  }

  /** As JSON with the secret: for the file and for processes of the instance, nobody else. */
  public byte[] toJson() {
    var json = new LinkedHashMap<String, Object>();
    json.put("format", FORMAT);
    json.put("name", instance.name());
    json.put("id", instance.id());
    json.put("version", version);
    json.put("secret", HexFormat.of().formatHex(instance.secret()));
    json.put("created", created.toString());
    json.put("settings", instance.settings().given());
    List<Map<String, Object>> placesJson = new ArrayList<>();
    for (Place place : places) {
      var placeJson = new LinkedHashMap<String, Object>();
      placeJson.put("id", place.id().value());
      placeJson.put("host", place.host());
      placeJson.put("data", place.dataDirectory());
      placesJson.add(placeJson);
    }
    json.put("places", placesJson);
    List<Map<String, Object>> nodesJson = new ArrayList<>();
    for (ClusterMap.Node node : instance.nodes()) {
      var nodeJson = new LinkedHashMap<String, Object>();
      nodeJson.put("id", node.id().value());
      nodeJson.put("host", node.host());
      nodeJson.put("port", node.port());
      nodeJson.put("socket", node.socketPath());
      nodeJson.put("incarnation", node.incarnation());
      nodesJson.add(nodeJson);
    }
    json.put("nodes", nodesJson);
    try {
      return (JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(json) + "\n")
          .getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @param source named in errors, such as the file's path
   * @throws FsException CORRUPT, or UNKNOWN_MESSAGE for a format of another version
   */
  public static InstanceDescription parse(String source, byte[] bytes) throws FsException {
    JsonFields json = JsonFields.parse(source, bytes);
    long format = json.number("format");
    if (format != FORMAT) {
      throw new FsException(
          FsError.UNKNOWN_MESSAGE,
          source
              + " has format "
              + format
              + " and this version knows format "
              + FORMAT
              + ": use the version that brought the instance up");
    }
    String field = "nodes";
    try {
      List<ClusterMap.Node> nodes = new ArrayList<>();
      for (JsonFields node : json.objects("nodes")) {
        nodes.add(
            new ClusterMap.Node(
                new NodeId(node.intNumber("id")),
                node.text("host"),
                node.intNumber("port"),
                node.text("socket"),
                node.number("incarnation"),
                NodeState.ACTIVE));
      }
      field = "places";
      List<Place> places = new ArrayList<>();
      for (JsonFields place : json.objects("places")) {
        places.add(
            new Place(new NodeId(place.intNumber("id")), place.text("host"), place.text("data")));
      }
      field = "secret";
      byte[] secret = HexFormat.of().parseHex(json.text("secret"));
      field = "settings";
      var settings = new Settings(json.texts("settings"));
      field = "created";
      Instant created = Instant.parse(json.text("created"));
      field = "name";
      return new InstanceDescription(
          new Instance(json.text("name"), json.text("id"), secret, settings, nodes),
          places,
          created,
          json.number("version"));
    } catch (IllegalArgumentException | DateTimeException e) {
      FsException corrupt = json.corrupt(field, "is wrong: " + e.getMessage());
      corrupt.initCause(e);
      throw corrupt;
    }
  }

  /** Never shows the secret. */
  @Override
  public String toString() {
    return instance.toString();
  }
}
