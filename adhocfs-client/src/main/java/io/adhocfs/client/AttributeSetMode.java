package io.adhocfs.client;

/** What setting an extended attribute does about one that is there, as setxattr(2). */
public enum AttributeSetMode {
  /** Makes it or replaces it. */
  SET,
  /** EXISTS when it is there. */
  CREATE,
  /** NO_ATTRIBUTE when it is not there. */
  REPLACE
}
