/* driver PROGRAM…: what the dynamic loader would load for each, told by itself.
   OPENER+MODULE: starts OPENER with MODULE instead, to see it opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    printf("== %s\n", argv[i]);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      char *module = strchr(argv[i], '+');
      dup2(1, 2);
      if (module) {
        *module = 0;
        execl(argv[i], argv[i], module + 1, (char *)0);
      } else {
        setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
        execl(argv[i], argv[i], (char *)0);
      }
      perror(argv[i]);
      _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
      printf("died %d\n", WTERMSIG(status));
  }
}
