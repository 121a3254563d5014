/* What the two halves of the program share: descriptors by their number in a case, and the calls. */
int file(const char *number);
int keep(int descriptor);

/* As call() of system-calls.c, for the calls of linux-calls.c; ends the program if there is none. */
int linux_call(char **a, int n, char *out);
