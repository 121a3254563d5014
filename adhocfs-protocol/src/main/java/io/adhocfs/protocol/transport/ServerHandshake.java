package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.Handshake.Challenge;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.transport.Handshake.Proof;
import io.adhocfs.protocol.transport.Handshake.Refusal;
import io.adhocfs.protocol.transport.Handshake.Step;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * The server's side of a handshake: checks what the peer says of itself and proves, and says the
 * next step. Belongs to the connection's event loop unless it says otherwise.
 */
final class ServerHandshake {
  /** The connection that the handshake is on. */
  interface Connection {
    void send(int step, FrameSender.Body body) throws FsException;

    /** Says why there will be no service, and ends. */
    void refuse(Refusal reason, String message);

    /** Takes a place among the connections that may serve; false = there is none. */
    boolean takePlace();
  }

  private final RpcServer server;
  private final Connection connection;

  /** Written once, before the connection takes its place. */
  private volatile @Nullable Hello hello;

  private @Nullable Challenge challenge;

  ServerHandshake(RpcServer server, Connection connection) {
    this.server = server;
    this.connection = connection;
  }

  /** What the peer says of itself, proved or not; null = nothing yet. Any thread. */
  @Nullable Hello said() {
    return hello;
  }

  /**
   * Checks a frame before its body is received.
   *
   * @throws FsException BAD_MESSAGE for a frame that is not the step that comes next
   */
  void check(Frame.Header header) throws FsException {
    int step = hello == null ? Step.HELLO : Step.PROOF;
    if (header.kind() != Frame.Kind.HANDSHAKE
        || header.typeCode() != step
        || header.bodyBytes() > Handshake.BODY_BYTES_MAX
        || header.payloadBytes() > 0) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a " + header.kind() + " of type " + header.typeCode() + " within the handshake");
    }
  }

  /**
   * Takes the next step, and answers or refuses it.
   *
   * @return whether the peer has proved itself with it
   */
  boolean take(ByteBuf body, boolean intact) {
    if (!intact) {
      connection.refuse(Refusal.MALFORMED, "a step of the handshake was damaged on its way");
      return false;
    }
    try {
      if (hello == null) {
        take(Hello.decode(body));
        return false;
      }
      return take(Proof.decode(body), hello);
    } catch (FsException e) {
      connection.refuse(Refusal.MALFORMED, String.valueOf(e.getMessage()));
      return false;
    }
  }

  private void take(Hello said) throws FsException {
    InstanceIdentity identity = server.configuration().identity();
    if (said.version() != MessageType.PROTOCOL_VERSION) {
      connection.refuse(
          Refusal.VERSION,
          "protocol version "
              + said.version()
              + "; this daemon speaks version "
              + MessageType.PROTOCOL_VERSION);
      return;
    }
    if (!said.instanceId().equals(identity.instanceId())) {
      connection.refuse(
          Refusal.INSTANCE,
          "a client of instance '"
              + said.instanceId()
              + "'; this daemon serves instance '"
              + identity.instanceId()
              + "'");
      return;
    }
    hello = said;
    var asked =
        new Challenge(server.configuration().self(), Handshake.newNonce(), server.storageTerm());
    challenge = asked;
    connection.send(Step.CHALLENGE, asked::encode);
  }

  private boolean take(Proof proof, Hello said) throws FsException {
    byte[] secret = server.configuration().identity().secret();
    Challenge asked = challenge;
    if (asked == null || !proof.matches(Handshake.clientProof(secret, said, asked))) {
      connection.refuse(
          Refusal.SECRET, "the peer does not know the secret of " + said.instanceId());
      return false;
    }
    if (!said.expectedNode().equals(server.configuration().self())) {
      connection.refuse(
          Refusal.WRONG_NODE,
          "a client looking for node "
              + said.expectedNode()
              + "; this daemon is node "
              + server.configuration().self());
      return false;
    }
    if (!connection.takePlace()) {
      connection.refuse(
          Refusal.TOO_MANY_CONNECTIONS,
          "all " + server.limits().maxConnections() + " connections are taken");
      return false;
    }
    connection.send(Step.WELCOME, Handshake.serverProof(secret, said, asked)::encode);
    return true;
  }
}
