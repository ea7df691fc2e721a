//go:build !amd64 || purego

package kernel

func passAsm[T Real](y, x Parts[T], p pass[T]) bool { return false }

func untangleAsm[T Real](z, u Parts[T]) int { return 0 }

func deinterleaveAsm[T Real](dst Parts[T], x []T) int { return 0 }

func interleaveAsm[T Real](dst []T, x Parts[T], scale T) int { return 0 }

func timesAsm[T Real](x, y Parts[T]) int { return 0 }
