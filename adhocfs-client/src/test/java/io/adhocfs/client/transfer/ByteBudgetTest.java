package io.adhocfs.client.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ByteBudgetTest {
  private final ByteBudget budget = new ByteBudget(10);
  private final List<String> begun = new ArrayList<>();

  @Test
  void beginsWhatFitsAndKeepsTheRestWaitingInOrder() {
    budget.acquire(6, () -> begun.add("first"));
    budget.acquire(6, () -> begun.add("second"));
    budget.acquire(1, () -> begun.add("third, though it would fit"));
    assertThat(begun).containsExactly("first");
    budget.release(6);
    assertThat(begun).containsExactly("first", "second", "third, though it would fit");
  }

  @Test
  void whatIsGivenBackWithinAnActionServesTheNext() {
    budget.acquire(10, () -> begun.add("first"));
    budget.acquire(
        10,
        () -> {
          begun.add("second");
          budget.release(10);
        });
    budget.acquire(10, () -> begun.add("third"));
    budget.release(10);
    assertThat(begun).containsExactly("first", "second", "third");
  }

  @Test
  void refusesMoreThanThereEverIs() {
    assertThatThrownBy(() -> budget.acquire(11, () -> begun.add("never")))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
