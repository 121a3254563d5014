package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What two ends say before anything else: hello, challenge, the client's proof, the server's proof
 * (welcome), ready. Both prove that they know the instance's secret over both nonces and everything
 * the hello said, without sending it. In place of any answer the server may refuse.
 */
final class Handshake {
  static final int NONCE_BYTES = 16;

  /** The largest body of any step. */
  static final int BODY_BYTES_MAX = 4 << 10;

  /** Connections of one session to one node: lane 0 for metadata, the others for data. */
  static final int LANES_MAX = 64;

  static final int METADATA_LANE = 0;

  private static final int INSTANCE_ID_LENGTH_MAX = 1 << 9;
  private static final int REFUSAL_LENGTH_MAX = 1 << 9;
  private static final int PROOF_BYTES = 32;
  private static final String CLIENT_LABEL = "adhocfs client proof";
  private static final String SERVER_LABEL = "adhocfs server proof";
  private static final SecureRandom RANDOM = new SecureRandom();

  private Handshake() {}

  /** The steps, as type codes of their frames; part of the wire format. */
  static final class Step {
    static final int HELLO = 1;
    static final int CHALLENGE = 2;
    static final int PROOF = 3;
    static final int WELCOME = 4;

    /** Requests may come. */
    static final int READY = 5;

    static final int REFUSED = 6;

    private Step() {}
  }

  /** Why a server gives a connection up. Codes are part of the wire format. */
  enum Refusal {
    MALFORMED(1, FsError.CONNECTION_LOST),
    VERSION(2, FsError.REFUSED),
    INSTANCE(3, FsError.REFUSED),
    SECRET(4, FsError.REFUSED),
    WRONG_NODE(5, FsError.REFUSED),
    /** The session has made a newer connection. */
    SUPERSEDED(6, FsError.SESSION_EXPIRED),
    TOO_MANY_CONNECTIONS(7, FsError.OVERLOADED),
    TOO_SLOW(8, FsError.UNREACHABLE),
    CLOSING(9, FsError.UNREACHABLE);

    private final int code;
    private final FsError error;

    Refusal(int code, FsError error) {
      this.code = code;
      this.error = error;
    }

    /** What it means to whoever called. */
    FsError error() {
      return error;
    }

    private static Refusal ofCode(int code) {
      for (Refusal refusal : values()) {
        if (refusal.code == code) {
          return refusal;
        }
      }
      throw new IllegalArgumentException("refusal " + code);
    }
  }

  /**
   * Who calls whom.
   *
   * @param lane 0 = metadata, else data connection number lane - 1
   * @param connectionNumber higher than of every earlier connection of the session's lane
   * @param expectedNode whom the caller takes the other side for
   */
  record Hello(
      int version,
      String instanceId,
      byte[] nonce,
      PeerRole role,
      SessionId session,
      int lane,
      long connectionNumber,
      NodeId expectedNode) {
    Hello {
      if (nonce.length != NONCE_BYTES
          || lane < 0
          || lane >= LANES_MAX
          || connectionNumber < 1
          || instanceId.length() > INSTANCE_ID_LENGTH_MAX) {
        throw new IllegalArgumentException(
            "a hello of lane " + lane + ", connection " + connectionNumber);
      }
    }

    void encode(WireWriter out) {
      out.intValue(version);
      out.text(instanceId);
      out.bytes(nonce);
      out.byteValue(roleCode(role));
      out.longValue(session.value());
      out.intValue(lane);
      out.longValue(connectionNumber);
      out.intValue(expectedNode.value());
    }

    static Hello decode(ByteBuf body) throws FsException {
      return complete(
          body,
          in ->
              new Hello(
                  in.intValue(),
                  in.text(),
                  in.bytes(),
                  roleOfCode(in.byteValue()),
                  new SessionId(in.longValue()),
                  in.intValue(),
                  in.longValue(),
                  new NodeId(in.intValue())));
    }
  }

  /**
   * The server's half of what both proofs are over.
   *
   * @param storageTerm as {@link io.adhocfs.protocol.placement.ClusterMap.Node#storageTerm}
   */
  record Challenge(NodeId node, byte[] nonce, long storageTerm) {
    Challenge {
      if (nonce.length != NONCE_BYTES) {
        throw new IllegalArgumentException("a nonce of " + nonce.length + " bytes");
      }
    }

    void encode(WireWriter out) {
      out.intValue(node.value());
      out.bytes(nonce);
      out.longValue(storageTerm);
    }

    static Challenge decode(ByteBuf body) throws FsException {
      return complete(
          body, in -> new Challenge(new NodeId(in.intValue()), in.bytes(), in.longValue()));
    }
  }

  /** A proof, of either side. */
  record Proof(byte[] bytes) {
    Proof {
      if (bytes.length != PROOF_BYTES) {
        throw new IllegalArgumentException("a proof of " + bytes.length + " bytes");
      }
    }

    void encode(WireWriter out) {
      out.bytes(bytes);
    }

    static Proof decode(ByteBuf body) throws FsException {
      return complete(body, in -> new Proof(in.bytes()));
    }

    /** Compares in a time that tells nothing. */
    boolean matches(Proof other) {
      return MessageDigest.isEqual(bytes, other.bytes);
    }
  }

  /** The end, and why. */
  record Refused(Refusal reason, String message) {
    Refused {
      if (message.length() > REFUSAL_LENGTH_MAX) {
        message = message.substring(0, REFUSAL_LENGTH_MAX);
      }
    }

    void encode(WireWriter out) {
      out.byteValue(reason.code);
      out.text(message);
    }

    static Refused decode(ByteBuf body) throws FsException {
      return complete(body, in -> new Refused(Refusal.ofCode(in.byteValue()), in.text()));
    }
  }

  static byte[] newNonce() {
    var nonce = new byte[NONCE_BYTES];
    RANDOM.nextBytes(nonce);
    return nonce;
  }

  static Proof clientProof(byte[] secret, Hello hello, Challenge challenge) {
    return proof(CLIENT_LABEL, secret, hello, challenge);
  }

  static Proof serverProof(byte[] secret, Hello hello, Challenge challenge) {
    return proof(SERVER_LABEL, secret, hello, challenge);
  }

  private static Proof proof(String label, byte[] secret, Hello hello, Challenge challenge) {
    ByteBuf transcript = Unpooled.buffer();
    var out = new WireWriter(transcript);
    out.text(label);
    hello.encode(out);
    challenge.encode(out);
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      mac.update(transcript.array(), transcript.arrayOffset(), transcript.readableBytes());
      return new Proof(mac.doFinal());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HmacSHA256", e);
    }
  }

  @FunctionalInterface
  private interface Decoder<T> {
    T decode(WireReader in) throws FsException;
  }

  private static <T> T complete(ByteBuf body, Decoder<T> decoder) throws FsException {
    var in = new WireReader(body);
    try {
      T value = decoder.decode(in);
      in.end();
      return value;
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, "handshake: " + e.getMessage(), e);
    }
  }

  private static int roleCode(PeerRole role) {
    return switch (role) {
      case CLIENT -> 1;
      case DAEMON -> 2;
      case ADMIN -> 3;
    };
  }

  private static PeerRole roleOfCode(int code) {
    return switch (code) {
      case 1 -> PeerRole.CLIENT;
      case 2 -> PeerRole.DAEMON;
      case 3 -> PeerRole.ADMIN;
      default -> throw new IllegalArgumentException("role " + code);
    };
  }
}
