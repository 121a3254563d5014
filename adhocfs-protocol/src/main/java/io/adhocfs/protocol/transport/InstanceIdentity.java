package io.adhocfs.protocol.transport;

/**
 * What both ends of a connection must share: the instance's id, said openly, and its secret, proved
 * without being sent.
 */
public record InstanceIdentity(String instanceId, byte[] secret) {
  public static final int SECRET_BYTES = 32;

  public InstanceIdentity {
    if (instanceId.isEmpty() || secret.length != SECRET_BYTES) {
      throw new IllegalArgumentException(
          "instance '" + instanceId + "' with a secret of " + secret.length + " bytes");
    }
  }

  /** Never shows the secret. */
  @Override
  public String toString() {
    return "instance " + instanceId;
  }
}
