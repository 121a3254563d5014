package io.adhocfs.client;

import io.adhocfs.client.namespace.Namespace;
import java.util.List;

/**
 * Some entries of a directory, in the order of their cookies; entries of one cookie are never in
 * two pages.
 *
 * @param last whether the directory ends here; a page that is not the last may still be empty
 * @param nextCookie where the next page starts
 */
public record DirectoryPage(List<DirectoryItem> items, boolean last, long nextCookie) {
  public DirectoryPage {
    items = List.copyOf(items);
  }

  static DirectoryPage of(Namespace.Page<DirectoryItem> page) {
    return new DirectoryPage(page.items(), page.last(), page.nextCookie());
  }
}
